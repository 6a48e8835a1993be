function latent = latent_image (observed, kernel, weights)
% LATENT_IMAGE  Latent image, kernel given: sparse gradients, dark and bright channels.
%
%   latent = latent_image (observed, kernel, weights)
%
%   observed  H x W x N    grey observations in [0, 1], periodic
%   kernel    kh x kw x N
%   weights   struct with .gradient, .dark, .bright (mu, lambda and its counterpart; 0 leaves a
%             term out), .patch (pixels), .beta_start, .beta_max, .alpha_max, .alpha_growth, and
%             optionally .weigh, a handle from residuals to their trust in [0, 1]
%
% Minimises by half-quadratic splitting
%
%     || l * k - y ||^2 + alpha || grad l - g ||^2
%       + beta || D(l) - u ||^2 + beta || D(1 - l) - v ||^2
%       + mu || g ||_0 + dark || u ||_0 + bright || v ||_0
%
% u keeps D(l) where D(l)^2 >= dark / beta and is zero elsewhere, v likewise with 1 - l, and g
% keeps the gradient where its squared magnitude is at least mu / alpha (equations 8 and 11 of Pan
% et al. 2016), all three by a firm threshold in place of the hard one (firm_factor).  l follows in closed form in the Fourier domain (equation 9); each channel that
% is on adds beta to the denominator, both together 2 beta.  alpha and beta grow geometrically;
% all pixels and all images are updated at once.
%
% With .weigh the data term is sum of w (l * k - y)^2.  It is replaced by its quadratic majoriser
% || l * k - z ||^2, z = l0 * k + w (y - l0 * k): the observation where it is trusted and the
% present prediction elsewhere.  That keeps the closed form, and w = 1 gives least squares.

  [height, width, n] = size (observed);
  [~, ~, energy] = gradient_transfer (height, width);
  transfer = kernel_transfer (kernel, height, width);
  data = conj (transfer) .* fft2 (observed);
  power = abs (transfer) .^ 2;
  latent = observed;
  robust = isfield (weights, "weigh");
  beta = weights.beta_start;
  while beta <= weights.beta_max
    pull_dark = pull_bright = 0;
    zeroed = saturated = 0;
    if weights.dark > 0
      pull_dark = beta;
      zeroed = pulled_pixels (latent, weights.patch, sqrt (weights.dark / beta));
    end
    if weights.bright > 0
      pull_bright = beta;
      saturated = pulled_pixels (1 - latent, weights.patch, sqrt (weights.bright / beta));
    end
    pull = pull_dark + pull_bright;
    alpha = 2 * weights.gradient;
    while alpha <= weights.alpha_max
      if robust
        spectrum = transfer .* fft2 (latent);
        residual = observed - real (ifft2 (spectrum));
        data = conj (transfer) .* (spectrum + fft2 (weights.weigh (residual) .* residual));
      end
      [down, right] = neighbour_differences (latent);
      kept = firm_factor (sqrt (down .^ 2 + right .^ 2), sqrt (weights.gradient / alpha));
      down .*= kept;
      right .*= kept;
      % Pixels that are no patch's extremum are pulled to where they are, that is, nowhere.
      target = alpha * neighbour_divergence (down, right) + pull_dark * latent .* (1 - zeroed);
      if pull_bright > 0
        target += pull_bright * (latent .* (1 - saturated) + saturated);
      end
      latent = real (ifft2 ((data + fft2 (target)) ./ (power + alpha * energy + pull)));
      alpha = alpha * weights.alpha_growth;
    end
    beta = beta * 2;
    if pull == 0
      break
    end
  end
end

function share = pulled_pixels (image, patch, threshold)
  % How far pixels are pulled to zero: fully where they are a patch's minimum and well under the
  % threshold, in proportion where they exceed the minimum by up to a quarter of the threshold.
  [~, ~, opened] = dark_pixels (image, patch);
  above = (image - opened) / threshold;
  share = (1 - firm_factor (abs (image), threshold)) .* max (1 - 4 * above, 0);
end
