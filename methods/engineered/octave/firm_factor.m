function factor = firm_factor (value, threshold)
% FIRM_FACTOR  What a firm threshold leaves of values, as a factor between 0 and 1.
%
%   factor = firm_factor (value, threshold)
%
%   value      any shape, at least 0
%   threshold  broadcast against it, at least 0; 0 leaves everything
%   factor     0 up to threshold / sqrt (2), 1 from threshold * sqrt (2), and in between such that
%              value * factor is a straight line (the firm shrinkage of Gao & Bruce 1997)
%
% A hard threshold is a step, on either side of which a rounding error can leave a value; what
% turns on it, in an estimation of hundreds of alternations, is a whole image.  Here a small
% change of the value changes what is left of it by at most twice as much.

  factor = min (max (2 - sqrt (2) * threshold ./ max (value, realmin), 0), 1);
end
