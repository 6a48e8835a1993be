function kernel = crop_kernel (spectrum, kh, kw)
% CROP_KERNEL  Inverse Fourier transform, cropped to a kernel's grid: kernel_transfer's adjoint.
%
%   kernel = crop_kernel (spectrum, kh, kw)
%
%   spectrum  height x width x N
%   kernel    kh x kw x N, the origin at pixel (floor (kh / 2), floor (kw / 2)), counted from 0

  row_places = mod ((0:kh - 1) - floor (kh / 2), size (spectrum, 1)) + 1;
  column_places = mod ((0:kw - 1) - floor (kw / 2), size (spectrum, 2)) + 1;
  kernel = real (ifft2 (spectrum))(row_places, column_places, :);
end
