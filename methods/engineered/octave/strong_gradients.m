function [rows, columns, threshold] = strong_gradients (latent, wanted, threshold)
% STRONG_GRADIENTS  Gradients above a firm threshold that every edge orientation can pass.
%
%   [rows, columns, threshold] = strong_gradients (latent, wanted, threshold)
%
%   latent     H x W x N
%   wanted     pixels to keep in each of four ranges of orientation, where there are as many
%   threshold  1 x 1 x N of squared magnitudes, or [] to choose it so that each range keeps
%              that many; the caller lowers it as the kernel improves (after Cho & Lee 2009)

  [rows, columns] = neighbour_differences (latent);
  squared = rows .^ 2 + columns .^ 2;
  if isempty (threshold)
    n = size (latent, 3);
    quarter = mod (floor (atan2 (rows, columns) / (pi / 4)), 4);
    rank = min (max (round (wanted), 1), size (latent, 1) * size (latent, 2));
    threshold = inf (1, 1, n);
    for orientation = 0:3
      ranked = sort (reshape (squared .* (quarter == orientation), [], n), 1, "descend");
      threshold = min (threshold, reshape (ranked(rank, :), 1, 1, n));
    end
  end
  kept = firm_factor (sqrt (squared), sqrt (threshold));
  rows .*= kept;
  columns .*= kept;
end
