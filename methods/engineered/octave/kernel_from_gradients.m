function kernel = kernel_from_gradients (latent_rows, latent_columns, observed, kernel, ridge, ...
                                         steps)
% KERNEL_FROM_GRADIENTS  Kernel by ridge regression of gradients on gradients.
%
%   kernel = kernel_from_gradients (latent_rows, latent_columns, observed, kernel, ridge, steps)
%
%   latent_rows, latent_columns  H x W x N   gradients of the latent image, already thresholded
%   observed                     H x W x N   grey observations, periodic
%   kernel                       kh x kw x N start; its support is the result's support
%   ridge                        kh x kw or scalar: weight of k^2 against the sum of squares
%   steps                        steps of the conjugate gradient method
%
% Minimises || grad l * k - grad y ||^2 + sum (ridge .* k .^ 2) over kernels of the given support
% (equation 12 of Pan et al. 2016).  Products with the normal matrix are two Fourier transforms.

  [height, width, n] = size (observed);
  [kh, kw, ~] = size (kernel);
  [rows, columns] = gradient_transfer (height, width);
  fl_rows = fft2 (latent_rows);
  fl_columns = fft2 (latent_columns);
  fy = fft2 (observed);
  power = abs (fl_rows) .^ 2 + abs (fl_columns) .^ 2;
  right_side = conj (fl_rows) .* rows .* fy + conj (fl_columns) .* columns .* fy;
  right_side = crop_kernel (right_side, kh, kw);
  product = @(k) crop_kernel (power .* kernel_transfer (k, height, width), kh, kw) + ridge .* k;
  kernel = conjugate_gradients (product, right_side, kernel, steps);
end
