function divergence = neighbour_divergence (down, right)
% NEIGHBOUR_DIVERGENCE  The adjoint of neighbour_differences.
%
%   divergence = neighbour_divergence (down, right)
%
%   down, right  H x W x ...
%   divergence   the same size

  height = rows (down);
  width = columns (down);
  divergence = down([height, 1:height - 1], :, :, :) - down ...
               + right(:, [width, 1:width - 1], :, :) - right;
end
