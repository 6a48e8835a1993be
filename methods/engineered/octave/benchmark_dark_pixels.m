function seconds = benchmark_dark_pixels (image, patch, turns)
% BENCHMARK_DARK_PIXELS  Time dark_pixels against the same step as a loop over patches.
%
%   seconds = benchmark_dark_pixels (image, patch, turns)
%
%   image    H x W
%   seconds  1 x 2: fastest vectorised and fastest looped time of `turns` alternating ones
%
% Raises an error if the two disagree.

  seconds = inf (1, 2);
  for turn = 1:turns
    started = tic ();
    dark = dark_pixels (image, patch);
    seconds(1) = min (seconds(1), toc (started));
    started = tic ();
    looped = looped_dark_pixels (image, patch);
    seconds(2) = min (seconds(2), toc (started));
    if ! isequal (dark, looped)
      error ("benchmark_dark_pixels: the vectorised step and the loop disagree");
    end
  end
end

function dark = looped_dark_pixels (image, patch)
  [height, width] = size (image);
  half = floor ((min ([patch, height, width]) - 1) / 2);
  dark = false (height, width);
  for column = 1:width
    columns = mod (column - half - 1:column + half - 1, width) + 1;
    for row = 1:height
      rows = mod (row - half - 1:row + half - 1, height) + 1;
      values = image(rows, columns);
      [~, position] = min (values(:));
      [r, c] = ind2sub (size (values), position);
      dark(rows(r), columns(c)) = true;
    end
  end
end
