function weight = outlier_weight (residual, outlier, sharpness)
% OUTLIER_WEIGHT  Trust in equations by their residuals, 1 for small ones and 0 for outliers.
%
%   weight = outlier_weight (residual, outlier, sharpness)
%
%   residual   any shape, in intensities
%   outlier    residual at which a / (a + exp (b r^2)) is one half, with a = exp (sharpness) and
%              b = sharpness / outlier^2
%   weight     that expression over its value at 0; Inf for outlier gives 1 everywhere

  if isinf (outlier)
    weight = ones (size (residual));
    return
  end
  exponent = min (sharpness * ((residual / outlier) .^ 2 - 1), 700);
  weight = (1 + exp (-sharpness)) ./ (1 + exp (exponent));
end
