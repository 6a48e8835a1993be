function kernel = kernel_from_features (features, targets, weights, kernel, ridge, steps)
% KERNEL_FROM_FEATURES  Kernel by weighted ridge regression of filtered images.
%
%   kernel = kernel_from_features (features, targets, weights, kernel, ridge, steps)
%
%   features  H x W x N x F   the latent image through F filters, periodic
%   targets   H x W x N x F   the observation through the same filters
%   weights   1 x 1 x 1 x F, one per filter, or H x W x N x F, one per equation; at least 0
%   kernel    kh x kw x N     start; its support is the result's support
%   ridge     scalar: weight of k^2 against the weighted sum of squares
%   steps     steps of the conjugate gradient method
%
% Minimises sum over i of || sqrt (w_i) .* (f_i * k - t_i) ||^2 + ridge || k ||^2.  Weights per
% filter leave the normal matrix a convolution, one pair of Fourier transforms per product;
% weights per equation take a pair per filter.

  [height, width, ~, ~] = size (features);
  [kh, kw, ~] = size (kernel);
  spectra = fft2 (features);
  backward = @(images) crop_kernel (sum (conj (spectra) .* fft2 (images), 4), kh, kw);
  if size (weights, 1) == 1
    power = sum (weights .* abs (spectra) .^ 2, 4);
    product = @(k) crop_kernel (power .* kernel_transfer (k, height, width), kh, kw) + ridge * k;
  else
    forward = @(k) real (ifft2 (spectra .* kernel_transfer (k, height, width)));
    product = @(k) backward (weights .* forward (k)) + ridge * k;
  end
  kernel = conjugate_gradients (product, backward (weights .* targets), kernel, steps);
end
