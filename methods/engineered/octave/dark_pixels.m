function [dark, minima, opened] = dark_pixels (image, patch)
% DARK_PIXELS  Where the minima of an image's patches lie, and their values.
%
%   [dark, minima, opened] = dark_pixels (image, patch)
%
%   image   H x W x N      grey images, periodic
%   patch   odd integer    side of the square patch in pixels; capped at the image's size
%   dark    H x W x N      true where a pixel is the minimum of at least one patch
%   minima  H x W x N      the dark channel, D(x) = min over the patch around x (equation 2;
%                          the minimum over colours drops out on a grey image)
%   opened  H x W x N      the opening, at most the image, and equal to it where that is dark
%
% A pixel attains the minimum of some patch that contains it exactly where the dilation of the
% erosion (the morphological opening) returns the pixel's own value: the opening never exceeds
% the image, and reaches it where a patch around the pixel has no darker one.  So the linear map
% from pixels to dark channel and back, which the authors' release stores as an index per patch
% and applies in a loop over pixels, becomes two running extrema.  A running extremum over p
% pixels is built from extrema over 1, 2, 4, ... pixels: log2 (p) whole-array operations.
%
% Where several pixels of a patch tie, all of them count; the release takes the first.

  half = floor ((min ([patch, size(image, 1), size(image, 2)]) - 1) / 2);
  minima = running (image, half, @min);
  opened = running (minima, half, @max);
  dark = opened == image;
end

function array = running (array, half, extremum)
  % Extremum over a centred square window of 2 * half + 1 pixels, periodic.
  for dim = 1:2
    width = 1;                      % array(x) covers pixels x .. x + width - 1
    while width < 2 * half + 1
      step = min (width, 2 * half + 1 - width);
      array = extremum (array, shifted (array, -step, dim));
      width = width + step;
    end
    array = shifted (array, half, dim);
  end
end

function array = shifted (array, step, dim)
  % circshift along rows or columns; the library's takes several times as long on small arrays.
  places = mod ((0:size (array, dim) - 1) - step, size (array, dim)) + 1;
  if dim == 1
    array = array(places, :, :);
  else
    array = array(:, places, :);
  end
end
