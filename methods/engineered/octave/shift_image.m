function image = shift_image (image, offset)
% SHIFT_IMAGE  Shift periodic images by a fraction of a pixel.
%
%   image = shift_image (image, offset)
%
%   image   H x W x N
%   offset  N x 2, rows and columns; positive moves the content down and to the right

  [height, width, n] = size (image);
  rows = [0:floor((height - 1) / 2), -floor(height / 2):-1]' / height;
  columns = [0:floor((width - 1) / 2), -floor(width / 2):-1] / width;
  phase = exp (-2i * pi * rows .* reshape (offset(:, 1), 1, 1, n)) ...
          .* exp (-2i * pi * columns .* reshape (offset(:, 2), 1, 1, n));
  image = real (ifft2 (fft2 (image) .* phase));
end
