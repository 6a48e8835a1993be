function kernel = extreme_channels_kernel (observed, settings)
% EXTREME_CHANNELS_KERNEL  Blur kernels by the extreme channels prior (Yan et al. 2017).
%
%   kernel = extreme_channels_kernel (observed, settings)
%
%   observed  H x W x N   grey observations in [0, 1], periodic
%   kernel    kh x kw x N, non-negative, sum 1, centroid at ((kh - 1) / 2, (kw - 1) / 2)
%
% Blur makes patch minima brighter and, for the same reason, patch maxima darker.  The bright
% channel B(l)(x) = max over the patch around x of l is 1 - D(1 - l), so the sparsity of 1 - B(l)
% is that of the dark channel of the inverse image, and the method minimises
%
%   || l * k - y ||^2 + gamma || k ||^2 + mu || grad l ||_0
%     + dark || D(l) ||_0 + bright || 1 - B(l) ||_0
%
% by turns.  In the half-quadratic splitting each channel has its own auxiliary image and adds its
% own beta to the denominator of the closed-form latent image, 2 beta in all (latent_image); the
% kernel follows from thresholded gradients as in the dark channel method (blind_kernel).  With
% bright = 0 this is that method exactly.
%
% Settings beside dark_channel_kernel's, with the value of the authors' release in brackets:
%   bright           weight of the bright channel [4e-3, as dark]; divided by 1.1 per iteration
%   patch            side of both channels' patches in pixels [45], capped at the level's size
%
% What differs from the authors' release, and why: all that dark_channel_kernel lists; both
% channels' extrema are found by running extrema (dark_pixels) instead of index loops, which there
% take minutes per image; a patch larger than a level is cut to it, where the release stops with an
% error; dark and bright weights may differ, since faces and shoes on white differ in how
% many of their patches reach black and white.

  kernel = blind_kernel (observed, settings);
end
