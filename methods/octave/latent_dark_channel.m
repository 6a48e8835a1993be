function latent = latent_dark_channel (observed, kernel, weights)
% LATENT_DARK_CHANNEL  Latent image of the dark channel method, kernel given (equation 6).
%
%   latent = latent_dark_channel (observed, kernel, weights)
%
%   observed  H x W x N    grey observations in [0, 1], periodic
%   kernel    kh x kw x N
%   weights   struct with .dark, .gradient (lambda and mu of equation 5), .patch (pixels),
%             .beta_start, .beta_max, .alpha_max, .alpha_growth
%
% Minimises by half-quadratic splitting
%
%     || l * k - y ||^2 + alpha || grad l - g ||^2 + beta || D(l) - u ||^2
%       + mu || g ||_0 + lambda || u ||_0
%
% u keeps D(l) where D(l)^2 >= lambda / beta and is zero elsewhere, g keeps the gradient where
% its squared magnitude is at least mu / alpha (equations 8 and 11), and l follows in closed form
% in the Fourier domain (equation 9).  alpha and beta grow geometrically; all pixels and all
% images are updated at once.

  [height, width, n] = size (observed);
  [rows, columns, energy] = gradient_transfer (height, width);
  transfer = kernel_transfer (kernel, height, width);
  data = conj (transfer) .* fft2 (observed);
  power = abs (transfer) .^ 2;
  latent = observed;
  beta = weights.beta_start;
  while beta <= weights.beta_max
    pull = 0;
    zeroed = false;
    if weights.dark > 0
      pull = beta;
      zeroed = latent .^ 2 < weights.dark / beta & dark_pixels (latent, weights.patch);
    end
    alpha = 2 * weights.gradient;
    while alpha <= weights.alpha_max
      down = circshift (latent, -1, 1) - latent;
      right = circshift (latent, -1, 2) - latent;
      small = down .^ 2 + right .^ 2 < weights.gradient / alpha;
      down(small) = 0;
      right(small) = 0;
      divergence = circshift (down, 1, 1) - down + circshift (right, 1, 2) - right;
      % Pixels that are no patch's dark minimum are pulled to where they are, that is, nowhere.
      target = alpha * divergence + pull * latent .* ! zeroed;
      latent = real (ifft2 ((data + fft2 (target)) ./ (power + alpha * energy + pull)));
      alpha = alpha * weights.alpha_growth;
    end
    beta = beta * 2;
    if pull == 0
      break
    end
  end
end
