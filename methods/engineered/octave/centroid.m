function centre = centroid (kernel)
% CENTROID  Centres of mass of kernels, N x 2: row and column in pixels counted from 0.

  [kh, kw, n] = size (kernel);
  mass = max (reshape (sum (sum (kernel, 1), 2), n, 1), realmin);
  row = reshape (sum (sum (kernel .* (0:kh - 1)', 1), 2), n, 1) ./ mass;
  column = reshape (sum (sum (kernel .* (0:kw - 1), 1), 2), n, 1) ./ mass;
  centre = [row, column];
end
