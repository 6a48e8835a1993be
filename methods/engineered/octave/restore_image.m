function latent = restore_image (observed, kernel, settings)
% RESTORE_IMAGE  The non-blind step: total variation with the data term that the settings ask for.
%
%   latent = restore_image (observed, kernel, settings)
%
%   observed  H x W x C x N, in [0, 1]
%   kernel    kh x kw x N
%   settings  struct with
%     free         whether the convolution had free boundaries (else circular)
%     tv_weight    scalar or 1 x 1 x 1 x N
%     tv_steps, tv_exponent              see deconvolve_tv and deconvolve_tv_free
%     outlier, sharpness                 optional: robust weights of the residual (outlier_weight)
%     trusted, saturated                 optional beside these, H x W x C x N of 0 and 1: where a
%                  residual counts at all, and where it does not count if it is negative, because
%                  the sensor was at its end
%     restoring    optional, 1 x 3: weights of the residual's derivatives of order 0, 1 and 2,
%                  for circular boundaries

  weigh = [];
  if isfield (settings, "outlier")
    weigh = @(residual) outlier_weight (residual, settings.outlier, settings.sharpness);
    if isfield (settings, "trusted")
      weigh = @(residual) weigh (residual) .* settings.trusted ...
                          .* ! (settings.saturated & residual < 0);
    end
  end
  if settings.free
    latent = deconvolve_tv_free (observed, kernel, settings.tv_weight, settings.tv_exponent, ...
                                 settings.tv_steps, weigh);
    return
  end
  fidelity = 1;
  if isfield (settings, "restoring")
    [rows, columns] = gradient_transfer (size (observed, 1), size (observed, 2));
    rows = abs (rows) .^ 2;
    columns = abs (columns) .^ 2;
    fidelity = settings.restoring(1) + settings.restoring(2) * (rows + columns) ...
               + settings.restoring(3) * (rows .^ 2 + rows .* columns + columns .^ 2);
  end
  latent = deconvolve_tv (observed, kernel, settings.tv_weight, settings.tv_steps, fidelity, weigh);
end
