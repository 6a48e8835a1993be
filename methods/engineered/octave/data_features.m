function features = data_features (image, rows, columns)
% DATA_FEATURES  An image and its derivatives of first and second order, side by side.
%
%   features = data_features (image, rows, columns)
%
%   image          H x W x N, periodic
%   rows, columns  H x W x N   its first differences along rows and columns, thresholded or not
%   features       H x W x N x 6: image less its mean, rows, columns, and the differences of those:
%                  rows twice, mixed, columns twice
%
% The mean would say no more than that kernels sum to 1, which pruning sees to, but with a weight
% far beyond the ridge's, which then spreads that sum evenly over the grid.

  [rows_twice, mixed] = neighbour_differences (rows);
  [~, columns_twice] = neighbour_differences (columns);
  features = cat (4, image - mean (mean (image, 1), 2), rows, columns, rows_twice, mixed, ...
                  columns_twice);
end
