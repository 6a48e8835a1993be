function kernel = blind_kernel (observed, settings, solve_kernel)
% BLIND_KERNEL  Estimate blur kernels from coarse to fine; the core that the methods share.
%
%   kernel = blind_kernel (observed, settings, solve_kernel)
%
%   observed     H x W x N   grey observations in [0, 1], periodic (see extend_boundary)
%   settings     struct, see dark_channel_kernel; what latent_image reads is passed on
%   solve_kernel handle: kernel = solve_kernel (rows, columns, latent, observed, kernel, settings)
%                with the latent image's strong gradients; by default ridge regression of
%                gradients (kernel_from_gradients)
%   kernel       kh x kw x N, non-negative, sum 1, centroid at ((kh - 1) / 2, (kw - 1) / 2);
%                the origin is pixel (floor (kh / 2), floor (kw / 2)), counted from 0
%
% On each level the latent image and the kernel take turns.  Coarse kernels have odd sizes; the
% finest has the size asked for, even or odd, so that nothing is estimated on one grid and
% interpolated onto another.  Kernels pass from level to level with their centroid moved into
% the middle, which removes the drift that a blind problem cannot see.

  if nargin < 3
    solve_kernel = @from_gradients;
  end
  full = [size(observed, 1), size(observed, 2)];
  n = size (observed, 3);
  target = settings.kernel_size(:)';
  scales = pyramid (full, target, settings.ratio, settings.coarsest);
  kernel = [];
  for level = 1:numel (scales)
    scale = scales(level);
    extent = full;
    support = target;
    if scale < 1
      extent = min (full, 2 * round (full * scale / 2));
      support = max (2 * floor (target * scale / 2) + 1, 3);
    end
    y = shrink_image (observed, extent(1), extent(2));
    if isempty (kernel)
      kernel = first_kernel (support, n);
    else
      kernel = place_kernel (kernel, support(1), support(2), extent ./ previous);
    end
    previous = extent;
    settings.inside = interior (extent, settings.margin(:)' .* extent ./ full);
    [kernel, latent, settings] = alternate (y, kernel, settings, solve_kernel);
  end
  kernel = centre_kernel (y, kernel, latent, settings, solve_kernel);
end

function scales = pyramid (full, target, ratio, coarsest)
  % Levels from coarse to fine; the coarsest kernel has about `coarsest` pixels.
  levels = max (0, floor (log (coarsest / min (target)) / log (ratio)));
  scales = ratio .^ (levels:-1:0);
  scales = scales(scales * min (full) >= 8 | scales == 1);
end

function inside = interior (extent, margin)
  % Where edges may speak for the kernel: with free boundaries (margin > 0) not in the continued
  % frame.  Edges nearer to the border than half a kernel stay although their blurred image is
  % cut: on development photographs they helped the kernel a little more than they harmed it.
  inside = true (extent);
  if any (margin > 0)
    cut = min (ceil (margin), floor ((extent - 2) / 2));
    inside(:) = false;
    inside(cut(1) + 1:end - cut(1), cut(2) + 1:end - cut(2)) = true;
  end
end

function kernel = first_kernel (support, n)
  % Two neighbouring pixels: a point would make the observation its own perfect explanation.
  kernel = zeros ([support, n]);
  centre = floor (support / 2) + 1;
  kernel(centre(1), centre(2) - 1:centre(2), :) = 0.5;
end

function [kernel, latent, settings] = alternate (y, kernel, settings, solve_kernel)
  threshold = [];
  for iteration = 1:settings.iterations
    latent = latent_image (y, kernel, settings);
    [kernel, threshold] = kernel_step (y, kernel, latent, settings, threshold, solve_kernel);
    threshold = threshold / 1.1;
    settings.dark = shrink_weight (settings.dark);
    settings.bright = shrink_weight (settings.bright);
    settings.gradient = shrink_weight (settings.gradient);
  end
end

function weight = shrink_weight (weight)
  if weight > 0
    weight = max (weight / 1.1, 1e-4);
  end
end

function [kernel, threshold] = kernel_step (y, kernel, latent, settings, threshold, solve_kernel)
  wanted = settings.edges * sqrt (size (kernel, 1) * size (kernel, 2));
  [rows, columns, threshold] = strong_gradients (latent, wanted, threshold);
  rows .*= settings.inside;
  columns .*= settings.inside;
  kernel = solve_kernel (rows, columns, latent, y, kernel, settings);
  kernel = prune_kernel (kernel, settings.floor_share, settings.component_share);
end

function kernel = from_gradients (rows, columns, latent, y, kernel, settings)
  kernel = kernel_from_gradients (rows, columns, y, kernel, settings.ridge, settings.cg_steps);
end

function kernel = centre_kernel (y, kernel, latent, settings, solve_kernel)
  % Move the centroid into the middle and the image oppositely, then solve for the kernel
  % again: the shifted image carries the half pixel, and the kernel is not interpolated.
  % Pruning is gentler here: nothing builds on what is kept, and faint parts are real.
  settings.floor_share = settings.final_floor;
  settings.component_share = settings.final_component;
  settings.cg_steps = settings.final_cg;
  settings.ridge = settings.final_ridge;
  middle = ([size(kernel, 1), size(kernel, 2)] - 1) / 2;
  for turn = 1:2
    offset = middle - centroid (kernel);
    latent = shift_image (latent, -offset);
    kernel = place_kernel (kernel, size (kernel, 1), size (kernel, 2), [1, 1]);
    kernel = kernel_step (y, kernel, latent, settings, 0, solve_kernel);
  end
  kernel = place_kernel (kernel, size (kernel, 1), size (kernel, 2), [1, 1]);
end
