function kernel = kernel_from_gradients (latent_rows, latent_columns, observed, kernel, ridge, ...
                                         steps)
% KERNEL_FROM_GRADIENTS  Kernel by ridge regression of gradients on gradients (equation 12).
%
%   kernel = kernel_from_gradients (latent_rows, latent_columns, observed, kernel, ridge, steps)
%
%   latent_rows, latent_columns  H x W x N   gradients of the latent image, already thresholded
%   observed                     H x W x N   grey observations, periodic
%   kernel                       kh x kw x N start; its support is the result's support
%   ridge                        kh x kw or scalar: weight of k^2 against the sum of squares
%   steps                        steps of the conjugate gradient method
%
% Minimises || grad l * k - grad y ||^2 + sum (ridge .* k .^ 2) over kernels of the given support.
% Products with the normal matrix are two Fourier transforms; each image has its own step sizes.

  [height, width, n] = size (observed);
  [kh, kw, ~] = size (kernel);
  [rows, columns] = gradient_transfer (height, width);
  fl_rows = fft2 (latent_rows);
  fl_columns = fft2 (latent_columns);
  fy = fft2 (observed);
  power = abs (fl_rows) .^ 2 + abs (fl_columns) .^ 2;
  right_side = crop (conj (fl_rows) .* rows .* fy + conj (fl_columns) .* columns .* fy, kh, kw);
  inner = @(a, b) sum (sum (a .* b, 1), 2);
  product = @(k) crop (power .* kernel_transfer (k, height, width), kh, kw) + ridge .* k;
  residual = right_side - product (kernel);
  direction = residual;
  squared = inner (residual, residual);
  for step = 1:steps
    image = product (direction);
    size_of_step = squared ./ max (inner (direction, image), realmin);
    kernel = kernel + size_of_step .* direction;
    residual = residual - size_of_step .* image;
    before = squared;
    squared = inner (residual, residual);
    direction = residual + squared ./ max (before, realmin) .* direction;
  end
end

function kernel = crop (spectrum, kh, kw)
  % Inverse transform, with the origin back at pixel (floor (kh / 2), floor (kw / 2)).
  kernel = circshift (circshift (real (ifft2 (spectrum)), floor (kh / 2), 1), floor (kw / 2), 2);
  kernel = kernel(1:kh, 1:kw, :);
end
