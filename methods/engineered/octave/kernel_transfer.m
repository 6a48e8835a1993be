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
  row_places = mod ((0:kh - 1) - floor (kh / 2), height) + 1;
  column_places = mod ((0:kw - 1) - floor (kw / 2), width) + 1;
  padded(row_places, column_places, :) = kernel;
  transfer = fft2 (padded);
end
