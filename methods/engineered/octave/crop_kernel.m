function kernel = crop_kernel (spectrum, kh, kw)
% CROP_KERNEL  Inverse Fourier transform, cropped to a kernel's grid: kernel_transfer's adjoint.
%
%   kernel = crop_kernel (spectrum, kh, kw)
%
%   spectrum  height x width x N
%   kernel    kh x kw x N, the origin at pixel (floor (kh / 2), floor (kw / 2)), counted from 0

  kernel = circshift (circshift (real (ifft2 (spectrum)), floor (kh / 2), 1), floor (kw / 2), 2);
  kernel = kernel(1:kh, 1:kw, :);
end
