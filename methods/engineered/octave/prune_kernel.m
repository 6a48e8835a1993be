function kernel = prune_kernel (kernel, floor_share, component_share)
% PRUNE_KERNEL  Remove what is small or negative from kernels, and scale them to sum 1.
%
%   kernel = prune_kernel (kernel, floor_share, component_share)
%
%   kernel           kh x kw x N
%   floor_share      values under this share of the kernel's maximum become zero
%   component_share  8-connected components with less than this share of the kernel's mass go
%
% Both thresholds are firm ones (firm_factor), so that nothing comes or goes at a step.
% Components are found by spreading the largest label to the neighbours until nothing changes,
% for all kernels at once.  A kernel without a positive value becomes a point at the origin.

  [kh, kw, n] = size (kernel);
  kernel = max (kernel, 0);
  kernel .*= firm_factor (kernel, floor_share * max (max (kernel, [], 1), [], 2));
  kernel ./= max (sum (sum (kernel, 1), 2), realmin);

  mask = kernel > 0;
  labels = reshape (1:numel (kernel), kh, kw, n) .* mask;
  do
    before = labels;
    spread = zeros (kh + 2, kw + 2, n);
    spread(2:end - 1, 2:end - 1, :) = labels;
    spread = max (max (spread(1:end - 2, :, :), spread(2:end - 1, :, :)), spread(3:end, :, :));
    spread = max (max (spread(:, 1:end - 2, :), spread(:, 2:end - 1, :)), spread(:, 3:end, :));
    labels = spread .* mask;
  until isequal (labels, before)
  mass = accumarray (labels(:) + 1, kernel(:), [numel(kernel) + 1, 1]);
  share = reshape (mass(labels(:) + 1), kh, kw, n);
  % The heaviest component always stays, however the mass is scattered.
  heaviest = max (max (share .* mask, [], 1), [], 2);
  kernel .*= firm_factor (share, min (component_share, heaviest / sqrt (2)));

  total = sum (sum (kernel, 1), 2);
  empty = total(:) <= 0;
  kernel(floor (kh / 2) + 1, floor (kw / 2) + 1, empty) = 1;
  kernel ./= sum (sum (kernel, 1), 2);
end
