function [down, right] = neighbour_differences (image)
% NEIGHBOUR_DIFFERENCES  Periodic forward differences along rows and columns.
%
%   [down, right] = neighbour_differences (image)
%
%   image        H x W x ...
%   down, right  the same size: the pixel below less the pixel, the pixel to the right less it
%
% By indices: circshift of some thousand small arrays takes longer than all their Fourier transforms.

  height = rows (image);
  width = columns (image);
  down = image([2:height, 1], :, :, :) - image;
  right = image(:, [2:width, 1], :, :) - image;
end
