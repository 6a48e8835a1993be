function x = conjugate_gradients (product, right_side, x, steps)
% CONJUGATE_GRADIENTS  Solve product (x) = right_side, for many images at once.
%
%   x = conjugate_gradients (product, right_side, x, steps)
%
%   product     handle: a symmetric positive definite map of kh x kw x N arrays
%   right_side  kh x kw x N
%   x           kh x kw x N start
%   steps       number of steps; each image has its own step sizes

  inner = @(a, b) sum (sum (a .* b, 1), 2);
  residual = right_side - product (x);
  direction = residual;
  squared = inner (residual, residual);
  for step = 1:steps
    image = product (direction);
    size_of_step = squared ./ max (inner (direction, image), realmin);
    x = x + size_of_step .* direction;
    residual = residual - size_of_step .* image;
    before = squared;
    squared = inner (residual, residual);
    direction = residual + squared ./ max (before, realmin) .* direction;
  end
end
