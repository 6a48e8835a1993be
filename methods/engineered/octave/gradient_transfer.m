function [rows, columns, energy] = gradient_transfer (height, width)
% GRADIENT_TRANSFER  Fourier transforms of the periodic forward differences along both axes.
%
%   [rows, columns, energy] = gradient_transfer (height, width)
%
%   rows, columns  height x width, complex; energy = |rows|^2 + |columns|^2

  rows = repmat (exp (2i * pi * (0:height - 1)' / height) - 1, 1, width);
  columns = repmat (exp (2i * pi * (0:width - 1) / width) - 1, height, 1);
  energy = abs (rows) .^ 2 + abs (columns) .^ 2;
end
