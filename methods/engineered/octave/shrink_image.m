function small = shrink_image (image, height, width)
% SHRINK_IMAGE  Downsample periodic images: Gaussian low-pass, then crop the spectrum.
%
%   small = shrink_image (image, height, width)
%
%   image  H x W x ...;  small  height x width x ..., height <= H, width <= W
%
% Cropping the spectrum keeps periodic images periodic and allows any size; the Gaussian, which
% falls to 0.3 at the new Nyquist frequency, avoids the ringing of a sharp cut.

  extent = size (image);
  if height == extent(1) && width == extent(2)
    small = image;
    return
  end
  spectrum = fft2 (image);
  rows = [0:floor((height - 1) / 2), -floor(height / 2):-1]';
  columns = [0:floor((width - 1) / 2), -floor(width / 2):-1];
  spectrum = spectrum(mod (rows, extent(1)) + 1, mod (columns, extent(2)) + 1, :);
  window = exp (-1.2 * ((2 * rows / height) .^ 2)) .* exp (-1.2 * ((2 * columns / width) .^ 2));
  scale = height * width / (extent(1) * extent(2));
  small = reshape (real (ifft2 (spectrum .* window * scale)), [height, width, extent(3:end)]);
end
