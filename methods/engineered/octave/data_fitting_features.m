function [features, targets] = data_fitting_features (observed, settings)
% DATA_FITTING_FEATURES  What the last kernel step of data_fitting_kernel fits, for learning.
%
%   [features, targets] = data_fitting_features (observed, settings)
%
%   observed  H x W x N       grey observations in [0, 1], periodic
%   features  H x W x N x 6   the latent image and its derivatives (data_features)
%   targets   H x W x N x 6   the observation and its derivatives
%
% The kernel is estimated with the present weights and is centred; the latent image follows from
% it with the weight of the gradients at its end, 1e-4, and all gradients count, as in the last
% step.

  kernel = data_fitting_kernel (observed, settings);
  settings.dark = settings.bright = 0;
  settings.gradient = 1e-4;
  latent = latent_image (observed, kernel, settings);
  features = data_features (latent, circshift (latent, -1, 1) - latent, ...
                            circshift (latent, -1, 2) - latent);
  targets = data_features (observed, circshift (observed, -1, 1) - observed, ...
                           circshift (observed, -1, 2) - observed);
end
