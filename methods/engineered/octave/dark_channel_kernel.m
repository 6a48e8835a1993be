function kernel = dark_channel_kernel (observed, settings)
% DARK_CHANNEL_KERNEL  Blur kernels by the dark channel prior (Pan, Sun, Pfister, Yang 2016).
%
%   kernel = dark_channel_kernel (observed, settings)
%
%   observed  H x W x N   grey observations in [0, 1], periodic
%   kernel    kh x kw x N, non-negative, sum 1, centroid at ((kh - 1) / 2, (kw - 1) / 2)
%
% The dark channel of an image l is D(l)(x) = min over the patch around x of l (equation 2).
% Averaging cannot make a minimum darker, so blur makes D(l) less sparse, and the method minimises
% over latent image l and kernel k
%
%   || l * k - y ||^2 + gamma || k ||^2 + mu || grad l ||_0 + lambda || D(l) ||_0   (equation 5)
%
% by turns: l given k by half-quadratic splitting (latent_image), k given l by ridge
% regression of thresholded gradients (kernel_from_gradients), from coarse to fine (blind_kernel).
%
% Settings, with the values of the paper or of the authors' release in brackets:
%   kernel_size      [kh, kw], even or odd
%   dark, gradient   lambda and mu [4e-3]; divided by 1.1 per iteration, down to 1e-4
%   patch            side of the dark channel's patch in pixels [35]; capped at the level's size
%   ridge            gamma [2]
%   margin           [rows, columns] of the continued frame on each side, [0, 0] if periodic
%   iterations       turns per level [5]
%   cg_steps         conjugate gradient steps per kernel [20]
%   floor_share      kernel values under this share of the maximum are removed [0.05]
%   component_share  components under this share of the mass are removed [0.1]
%   final_*          the same for the last kernel, on which nothing builds; it is centred
%   edges, iterations, alpha_growth
%                    on shoes and faces some methods estimate a kernel with each of two values
%                    and keep the better one (octave_prior.py)
%   edges            gradients kept per orientation, in units of the kernel's side [2]
%   ratio, coarsest  magnification from level to level [sqrt(1/2)], coarsest kernel's side [5]
%   beta_start, beta_max, alpha_max, alpha_growth
%                    schedules of the splitting [from Otsu's threshold to 8; 1e5; 2]
%
% What differs from the authors' release, and why:
%   - Convolution is periodic throughout, as in the forward model of the published observations;
%     images with free boundaries are first continued to periodic ones (extend_boundary).
%   - The finest kernel lives on the grid that was asked for, even or odd, with its centroid
%     moved to the middle by a sub-pixel shift of the latent image: the release takes odd sizes
%     and shifts by whole pixels, which leaves half a pixel on a 28 x 28 grid.
%   - The dark pixels are found by an opening (dark_pixels) instead of index loops, the kernel's
%     components by label spreading, and many images are estimated at once.
%   - Every threshold (of gradients, dark pixels, kernel values and components) is a firm one
%     (firm_factor).  With hard ones a change of 1e-6 in the observation moved one development image
%     in fourteen by more than 0.5 dB (dp, ep), and one in three of the methods without channels.
%   - The release also pulls every pixel that is no dark minimum to its value before the alpha
%     loop, which freezes early mistakes; here such pixels are free, as equation 6 has it.
%   - beta starts at a constant instead of at lambda over Otsu's threshold, and alpha and beta stop
%     earlier, for speed. For alpha this changed development scores by 0.1 to 0.3 dB either way;
%     for beta it was not measured on its own.
%   - Edges in the continued frame of an image with free boundaries do not speak for the kernel.
%   - With free boundaries beta is small (0.005 and 0.01): a larger one holds the latent image at
%     its start. On 4 development photographs the dark channel then gained 0.4 dB over none at
%     alpha_growth 4, and beta of 1 and 2 lost 5 dB.  Kernels are pruned at 5 % of the maximum
%     there (faint ends of long kernels never grew back at 15 %), with a ridge of 5, five times
%     the edges and 14 turns per level, which with a weaker total variation gained 2.3 dB.
%   - On faces alpha grows faster and the turns per level are more, which gained 0.6 dB on
%     development images. On shoes beta is 0.01 and does not grow, as with free boundaries: from 0.4
%     to 2 the method scored 19.4 dB on 24 development images, with 0.01 24.1 dB.
%   - At 64 x 64 pixels with 1 % noise the paper's settings give kernels with much false detail
%     (images of 32 to 64 pixels have few edges per unknown of the kernel), so ridge, pruning and
%     the weights are tuned per class of images on development images.
%   - The non-blind step is a total variation that couples the colours (deconvolve_tv) and, with free
%     boundaries, does not assume anything about the border (deconvolve_tv_free). The release's
%     subtraction of ringing is not implemented, so the two have not been compared.

  settings.bright = 0;
  kernel = blind_kernel (observed, settings);
end
