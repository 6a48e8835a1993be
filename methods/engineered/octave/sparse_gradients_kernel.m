function kernel = sparse_gradients_kernel (observed, settings)
% SPARSE_GRADIENTS_KERNEL  Blur kernels by sparse gradients alone (after Pan, Hu, Su, Yang 2014).
%
%   kernel = sparse_gradients_kernel (observed, settings)
%
%   observed  H x W x N   grey observations in [0, 1], periodic
%   kernel    kh x kw x N, non-negative, sum 1, centroid at ((kh - 1) / 2, (kw - 1) / 2)
%
% Minimises over latent image l and kernel k by turns, from coarse to fine (blind_kernel),
%
%   || l * k - y ||^2 + gamma || k ||^2 + mu || grad l ||_0
%
% which is what the methods with a prior of their own come down to without it.  Settings are
% dark_channel_kernel's, of which dark and bright do not count.
%
% What differs from the authors' release: there is no || l ||_0 for text on white, and all that
% dark_channel_kernel lists of the shared core.

  settings.dark = settings.bright = 0;
  kernel = blind_kernel (observed, settings);
end
