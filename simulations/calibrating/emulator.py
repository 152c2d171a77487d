"""Emulators: what a run would have in place of each figure, as a smooth function of the inputs with its error.

Each figure has a Gaussian process with a linear part, a smooth part and noise. Each run of the design has draws of its own, so
the noise is the chance of one run. Errors are those of leaving out one run at a time.

References
----------
Rasmussen, C. E. and Williams, C. K. I. (2006). Gaussian Processes for Machine Learning, section 5.4.2.
Kennedy, M. C. and O'Hagan, A. (2001). Bayesian calibration of computer models. J. R. Stat. Soc. B 63.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from simulations.calibrating.figures import Floats
from simulations.running.shared import in_processes


@dataclass(frozen=True)
class Emulator:
    """Emulators of several figures over the same design.

    Attributes
    ----------
    design : ndarray of float, shape (n_runs, n_inputs)
        Standard normal scores of the inputs.
    weights : ndarray of float, shape (n_figures, n_runs)
    parameters : ndarray of float, shape (n_figures, 2 + n_inputs)
        Variance of the linear part, variance of the smooth part, and the length scale of each input.
    centre, spread : ndarray of float, shape (n_figures,)
    errors : ndarray of float, shape (n_figures, n_figures)
        Covariance of one new run around the emulators: chance and the emulators' own error.
    explained : ndarray of float, shape (n_figures,)
        Share of the variance over held-out runs that an emulator explains.
    """

    design: Floats
    weights: Floats
    parameters: Floats
    centre: Floats
    spread: Floats
    errors: Floats
    explained: Floats

    def mean(self, points: Floats) -> Floats:
        """Return the mean of one run at points, shape (n_points, n_figures)."""
        linear = 1.0 + points @ self.design.T
        out = np.empty((len(points), len(self.weights)))
        for j, (of_linear, of_smooth, *lengths) in enumerate(self.parameters.tolist()):
            a, b = points / lengths, self.design / lengths
            distance = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
            out[:, j] = (of_linear * linear + of_smooth * np.exp(-0.5 * np.maximum(distance, 0.0))) @ self.weights[j]
        return out * self.spread + self.centre


def fit(design: Floats, runs: Floats, workers: int = 1) -> Emulator:
    """Fit an emulator of each figure.

    Parameters
    ----------
    design : ndarray of float, shape (n_runs, n_inputs)
    runs : ndarray of float, shape (n_runs, n_figures)
        On the scales of the figures.
    workers : int
        Worker processes; their number does not change the emulators.
    """
    centre, spread = runs.mean(axis=0), np.maximum(runs.std(axis=0), 1e-9)
    columns = ((runs - centre) / spread).T
    workers = min(workers, len(columns))
    if workers > 1:
        from joblib import delayed

        fitted = [*in_processes((delayed(_fit_one)(design, y) for y in columns), workers)]
    else:
        fitted = [_fit_one(design, y) for y in columns]
    weights, parameters, held_out = zip(*fitted, strict=True)
    scaled = np.array(held_out).T
    errors = np.cov(scaled.T).reshape(runs.shape[1], -1)
    shrunk = 0.9 * errors + 0.1 * np.diag(np.diag(errors))
    explained = 1 - scaled.var(axis=0)
    return Emulator(
        design, np.array(weights), np.array(parameters), centre, spread, shrunk * np.outer(spread, spread), explained
    )  # fmt: skip


def _fit_one(design: Floats, y: Floats) -> tuple[Floats, list[float], Floats]:
    """Return the weights of the runs, the parameters, and the errors over held-out runs of one figure, in standard deviations."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
    from threadpoolctl import threadpool_limits

    d = design.shape[1]
    linear = ConstantKernel(0.5, (1e-4, 1e2)) * DotProduct(1.0, "fixed")
    smooth = ConstantKernel(0.2, (1e-4, 1e2)) * RBF([3.0] * d, (0.5, 30.0))
    process = GaussianProcessRegressor(linear + smooth + WhiteKernel(0.1, (1e-5, 2.0)), random_state=0, normalize_y=False)
    with warnings.catch_warnings(), threadpool_limits(1):  # one thread: the same rounding in whatever process
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound: an input without effect
        kernel = process.fit(design, y).kernel_
        inverse = np.linalg.inv(kernel(design))
        alpha = inverse @ y
    both = kernel.k1
    lengths = np.broadcast_to(both.k2.k2.length_scale, d)
    return alpha, [both.k1.k1.constant_value, both.k2.k1.constant_value, *lengths], alpha / np.diag(inverse)
