function latent = deconvolve_tv (observed, kernel, weight, iterations, fidelity, weigh)
% DECONVOLVE_TV  Known-kernel deconvolution with a total variation that couples the channels.
%
%   latent = deconvolve_tv (observed, kernel, weight, iterations, fidelity, weigh)
%
%   observed  H x W x C x N, in [0, 1], periodic
%   kernel    kh x kw x N
%   weight    of the total variation against half the squared residual, scalar or 1 x 1 x 1 x N
%   fidelity  optional, scalar or H x W: weights of the residual's frequencies, default 1
%   weigh     optional handle from residuals to their trust in [0, 1], [] for full trust
%
% Minimises 1/2 || l * k - y ||^2 + weight * sum over pixels of the gradient's magnitude, one
% magnitude for all channels, by the alternating direction method of multipliers with penalty
% rho = 20 * weight; every step is closed-form, the image's in the Fourier domain.  Untrusted
% residuals enter by the quadratic majoriser that latent_image describes.

  if nargin < 5
    fidelity = 1;
  end
  robust = nargin > 5 && ! isempty (weigh);
  [height, width, channels, n] = size (observed);
  [~, ~, energy] = gradient_transfer (height, width);
  transfer = reshape (kernel_transfer (kernel, height, width), height, width, 1, n);
  data = fidelity .* conj (transfer) .* fft2 (observed);
  rho = 20 * weight;
  denominator = fidelity .* abs (transfer) .^ 2 + rho .* energy;
  denominator(1, 1, :, :) = max (denominator(1, 1, :, :), eps);
  latent = observed;
  dual_rows = dual_columns = zeros (size (observed));
  for iteration = 1:iterations
    [rows, columns] = neighbour_differences (latent);
    rows += dual_rows;
    columns += dual_columns;
    magnitude = sqrt (sum (rows .^ 2 + columns .^ 2, 3));
    keep = max (0, 1 - (weight ./ rho) ./ max (magnitude, realmin));
    kept_rows = keep .* rows;
    kept_columns = keep .* columns;
    dual_rows = rows - kept_rows;
    dual_columns = columns - kept_columns;
    rows = kept_rows - dual_rows;
    columns = kept_columns - dual_columns;
    divergence = neighbour_divergence (rows, columns);
    if robust
      spectrum = transfer .* fft2 (latent);
      residual = observed - real (ifft2 (spectrum));
      data = fidelity .* conj (transfer) .* (spectrum + fft2 (weigh (residual) .* residual));
    end
    latent = real (ifft2 ((data + rho .* fft2 (divergence)) ./ denominator));
  end
end
