function kernel = data_fitting_kernel (observed, settings)
% DATA_FITTING_KERNEL  Blur kernels with learned data terms (Pan, Dong, Tai, Su, Yang 2017).
%
%   kernel = data_fitting_kernel (observed, settings)
%
%   observed  H x W x N   grey observations in [0, 1], periodic
%   kernel    kh x kw x N, non-negative, sum 1, centroid at ((kh - 1) / 2, (kw - 1) / 2)
%
% The kernel step fits the observation through several linear filters f_i at once,
%
%   sum over i of w_i || f_i l * k - f_i y ||^2 + gamma || k ||^2,
%
% with f_i the identity, the first differences along rows and columns and the second ones (rows,
% mixed, columns).  The weights w_i are learned by the error of the kernel that they lead to
% (python -m bench tune data-fitting); those of restoration are learned separately and used by
% restore_image.  The latent image has sparse gradients (L0), as in the paper (latent_image).
%
% Settings beside dark_channel_kernel's (dark and bright are 0: the method has no channel prior):
%   fitting          w of identity, rows, columns, rows twice, mixed, columns twice
%   restoring        weights of orders 0, 1 and 2 in the non-blind step
%
% What differs from the authors' release, and why:
%   - Derivatives of the latent image are those of its thresholded gradients, as in our other
%     methods; the intensities are the latent image's own, less their mean.
%   - The weights are learned per class, on its training images under the protocol's blur, since
%     the protocol's images (32 to 64 pixels, 28 x 28 kernels) are far from photographs.
%   - In the non-blind step one weight per order: an image has no preferred axis there.
%   - With free boundaries the intensities' equations count only inside the observation, second
%     differences only where both of the first ones are inside, and the non-blind step fits
%     intensities alone, since filters would mix in what is beyond the border.

  settings.dark = settings.bright = 0;
  kernel = blind_kernel (observed, settings, @fitted_kernel);
end

function kernel = fitted_kernel (rows, columns, latent, y, kernel, settings)
  used = find (settings.fitting > 0);
  features = data_features (latent, rows, columns);
  [y_rows, y_columns] = neighbour_differences (y);
  targets = data_features (y, y_rows, y_columns);
  weights = reshape (settings.fitting(used), 1, 1, 1, []);
  if ! all (settings.inside(:))
    inside = settings.inside;
    features(:, :, :, 4:6) .*= inside & shift (inside, -1, 1) & shift (inside, -1, 2);
    if any (used == 1)
      weights = repmat (weights, [size(y, 1), size(y, 2), size(y, 3), 1]);
      weights(:, :, :, 1) .*= inside;
    end
  end
  kernel = kernel_from_features (features(:, :, :, used), targets(:, :, :, used), weights, ...
                                 kernel, settings.ridge, settings.cg_steps);
end
