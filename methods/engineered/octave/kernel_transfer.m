function transfer = kernel_transfer (kernel, height, width)
% KERNEL_TRANSFER  Fourier transform of kernels, zero-padded, with the origin moved to (1, 1).
%
%   transfer = kernel_transfer (kernel, height, width)
%
%   kernel    kh x kw x N   the origin is pixel (floor (kh / 2), floor (kw / 2)), counted from 0
%   transfer  height x width x N, complex
%
% For a 28 x 28 kernel the origin is pixel (14, 14), as in the forward model.

  [kh, kw, n] = size (kernel);
  padded = zeros (height, width, n);
  padded(1:kh, 1:kw, :) = kernel;
  transfer = fft2 (circshift (circshift (padded, -floor (kh / 2), 1), -floor (kw / 2), 2));
end
