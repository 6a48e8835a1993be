function latent = deconvolve_tv_free (observed, kernel, weight, exponent, iterations, ...
                                      weigh)
% DECONVOLVE_TV_FREE  Known-kernel deconvolution where the convolution has free boundaries.
%
%   latent = deconvolve_tv_free (observed, kernel, weight, exponent, iterations, weigh)
%
%   observed  H x W x C x N, in [0, 1]; what is beyond its border is unknown
%   kernel    kh x kw x N
%   weight    of the gradient penalty against half the squared residual, scalar or 1 x 1 x 1 x N
%   exponent  of the gradient's magnitude: 1 for total variation, below 1 for a sparser prior
%   weigh     optional handle from residuals to their trust in [0, 1], [] for full trust
%   latent    H x W x C x N
%
% As deconvolve_tv, on an image larger by the kernel's size, with a second splitting
% v = l * k: v follows the observation where there is one and l * k elsewhere, so no assumption
% about the border enters (after Almeida & Figueiredo 2013).  For exponents below 1 the shrinkage
% is the first-order one, t - (weight / rho) * exponent * t ^ (exponent - 1).

  robust = nargin > 5 && ! isempty (weigh);
  [height, width, channels, n] = size (observed);
  [kh, kw, ~] = size (kernel);
  tall = even (height + kh);
  wide = even (width + kw);
  rows_in = floor ((tall - height) / 2) + (1:height);
  columns_in = floor ((wide - width) / 2) + (1:width);
  [~, ~, energy] = gradient_transfer (tall, wide);
  transfer = reshape (kernel_transfer (kernel, tall, wide), tall, wide, 1, n);
  blurred = extend_boundary (observed, tall, wide);
  rho = 20 * weight;
  sigma = 10 * rho + 0.01;          % penalty of the splitting v = l * k
  denominator = sigma .* abs (transfer) .^ 2 + rho .* energy + eps;
  latent = blurred;
  dual = dual_rows = dual_columns = zeros (size (blurred));
  for iteration = 1:iterations
    [rows, columns] = neighbour_differences (latent);
    rows += dual_rows;
    columns += dual_columns;
    magnitude = max (sqrt (sum (rows .^ 2 + columns .^ 2, 3)), 1e-12);
    keep = max (0, 1 - (weight ./ rho) .* exponent .* magnitude .^ (exponent - 2));
    kept_rows = keep .* rows;
    kept_columns = keep .* columns;
    dual_rows = rows - kept_rows;
    dual_columns = columns - kept_columns;
    rows = kept_rows - dual_rows;
    columns = kept_columns - dual_columns;
    divergence = neighbour_divergence (rows, columns);

    predicted = real (ifft2 (transfer .* fft2 (latent))) + dual;
    split = predicted;
    inside = predicted(rows_in, columns_in, :, :);
    trust = 1;
    if robust
      trust = weigh (observed - inside);
    end
    split(rows_in, columns_in, :, :) = (trust .* observed + sigma .* inside) ./ (trust + sigma);
    dual = predicted - split;

    latent = real (ifft2 ((sigma .* conj (transfer) .* fft2 (split - dual) ...
                           + rho .* fft2 (divergence)) ./ denominator));
  end
  latent = latent(rows_in, columns_in, :, :);
end

function number = even (number)
  number = number + mod (number, 2);
end
