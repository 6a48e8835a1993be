function extended = extend_boundary (image, height, width)
% EXTEND_BOUNDARY  Continue images smoothly so that they become periodic.
%
%   extended = extend_boundary (image, height, width)
%
%   image     H x W x ...
%   extended  height x width x ..., the image in the middle, at offset
%             floor ((height - H) / 2), floor ((width - W) / 2)
%
% The new frame is the membrane that is stretched between the image's opposite borders: Laplace's
% equation on the torus with the image as boundary value, solved directly (after Liu & Jia 2008,
% who make such a tile in three steps).  Periodic Fourier methods then meet no jump.

  extent = size (image);
  top = floor ((height - extent(1)) / 2);
  left = floor ((width - extent(2)) / 2);
  layers = reshape (image, extent(1), extent(2), []);
  known = false (height, width);
  known(top + (1:extent(1)), left + (1:extent(2))) = true;
  numbers = reshape (1:height * width, height, width);
  unknown = numbers(! known);
  neighbours = [circshift(numbers, 1, 1)(:), circshift(numbers, -1, 1)(:), ...
                circshift(numbers, 1, 2)(:), circshift(numbers, -1, 2)(:)](unknown, :);
  total = height * width;
  count = numel (unknown);
  laplacian = sparse (repmat ((1:count)', 4, 1), neighbours(:), -1, count, total) ...
              + sparse (1:count, unknown, 4, count, total);
  extended = zeros (total, size (layers, 3));
  extended(known(:), :) = reshape (layers, [], size (layers, 3));
  if count > 0
    right_side = -laplacian(:, known(:)) * extended(known(:), :);
    extended(unknown, :) = laplacian(:, unknown) \ right_side;
  end
  extended = reshape (extended, [height, width, extent(3:end)]);
end
