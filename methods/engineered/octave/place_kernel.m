function placed = place_kernel (kernel, kh, kw, scale)
% PLACE_KERNEL  Resample kernels onto another grid with the centroid exactly in its middle.
%
%   placed = place_kernel (kernel, kh, kw, scale)
%
%   kernel  h x w x N
%   scale   [rows, columns] of magnification; [1, 1] only moves
%   placed  kh x kw x N, sum 1, centroid at ((kh - 1) / 2, (kw - 1) / 2) up to what falls
%           outside the grid
%
% Bilinear and separable.  On an even grid the middle lies between pixels, half a pixel from the
% origin of the forward model, which a whole-pixel shift could not reach.

  [h, w, n] = size (kernel);
  centre = centroid (kernel);
  placed = zeros (kh, kw, n);
  for i = 1:n
    rows = ((0:kh - 1)' - (kh - 1) / 2) / scale(1) + centre(i, 1);
    columns = ((0:kw - 1)' - (kw - 1) / 2) / scale(2) + centre(i, 2);
    placed(:, :, i) = hat (rows, h) * kernel(:, :, i) * hat (columns, w)';
  end
  placed = max (placed, 0);
  placed ./= max (sum (sum (placed, 1), 2), realmin);
end

function weights = hat (positions, count)
  weights = max (0, 1 - abs (positions - (0:count - 1)));
end
