"""The posterior of uncertain inputs, given published figures: MCMC through emulators, with a discrepancy between model and world.

No model is right. The flow of each kind of figure has a relative error that walks at random and drifts; its size is unknown and is
estimated with the inputs. The likelihood of all figures is the product of the forecasts of each from the earlier ones, so the size is
that with which earlier figures forecast later ones well.

References
----------
Dawid, A. P. (1984). Statistical theory: the prequential approach. J. R. Stat. Soc. A 147.
Foreman-Mackey, D. et al. (2013). emcee: the MCMC hammer. PASP 125.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.calibrating.emulator import Emulator
from simulations.calibrating.figures import Floats, Scales

WALK, DRIFT = 0.05, 0.04
"""The relative error of a flow, of size 1: it walks by so much in the root of a month, and drifts by so much a month."""

_TYPICAL, _SPREAD = 0.5, 1.0
"""Median and log standard deviation of the size of the discrepancy before any figure is seen."""

_STEPS, _BURN, _THIN = 1200, 600, 4
_WIDEST, _LARGEST = 3.5, 6.0
"""The posterior has no scores of inputs, and of sizes, outside these."""


@dataclass(frozen=True)
class Posterior:
    """Draws from a posterior, and what they forecast.

    Attributes
    ----------
    points : ndarray of float, shape (n_draws, n_inputs)
        Standard normal scores of the inputs.
    sizes : ndarray of float, shape (n_draws, n_kinds)
        Size of the discrepancy of each kind of figure; 0 without a discrepancy.
    predicted : ndarray of float, shape (n_draws, n_figures)
        Draws of every figure of one new course of events, given those that were used; on the figures' own scale.
    effective : float
        Effective number of independent draws, of the input with the fewest.
    """

    points: Floats
    sizes: Floats
    predicted: Floats
    effective: float


class Likelihood:
    """The likelihood of figures that are known on a date.

    Parameters
    ----------
    used : ndarray of bool, shape (n_figures,)
        The figures that are known.
    discrepancy : bool
        Whether the model may differ from the world.
    """

    def __init__(self, emulator: Emulator, scales: Scales, used: NDArray[np.bool_], discrepancy: bool) -> None:
        self.emulator, self.scales, self.discrepancy = emulator, scales, discrepancy
        bounds = [f.bounds if u else (0.0, 0.0) for f, u in zip(scales.figures, used, strict=True)]
        low, high = (scales.scaled(np.array([b[k] for b in bounds])) for k in (0, 1))
        open_ended = ~np.isfinite([b[0] for b in bounds]) | ~np.isfinite([b[1] for b in bounds])
        self.exact = np.flatnonzero(used & ~open_ended)
        self.censored = np.flatnonzero(used & open_ended)
        self.values = np.where(open_ended, np.nan, (low + high) / 2)
        self.room = np.where(open_ended, 0.0, ((high - low) ** 2) / 12)  # a figure that stands for a range
        self.bound = np.where(np.isfinite([b[0] for b in bounds]), low, high)
        self.sign = np.where(np.isfinite([b[0] for b in bounds]), 1.0, -1.0)  # more than, or less than
        self._parts = self._of_each_kind()

    def _of_each_kind(self) -> Floats:
        """Return the covariance of the discrepancy of size 1 of each kind, shape (n_kinds, n_figures, n_figures)."""
        months, scales = np.arange(self.scales.n_months) + 0.5, self.scales
        of_flow = WALK**2 * np.minimum.outer(months, months) + DRIFT**2 * np.outer(months, months)
        carried = scales.carried.reshape(len(scales.figures), -1, scales.n_months)
        full = np.einsum("ism,mn,jsn->ij", carried, of_flow, carried)
        masks = [np.outer(scales.kind == k, scales.kind == k) for k in range(len(scales.kinds))]
        return np.array([full * mask for mask in masks])

    def covariance(self, sizes: Floats) -> Floats:
        """Return the covariance of all figures around the emulators, shape (n, n_figures, n_figures)."""
        covariance: Floats = self.emulator.errors + np.diag(self.room) + np.einsum("nk,kij->nij", sizes**2, self._parts)
        return covariance

    def conditional(self, mean: Floats, covariance: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log density of the exact figures, and mean and covariance of all figures given them."""
        e = self.exact
        if not len(e):
            return np.zeros(len(mean)), mean, covariance
        chol = np.linalg.cholesky(covariance[:, e[:, None], e])
        residual = np.linalg.solve(chol, (self.values[e] - mean[:, e])[..., None])[..., 0]
        density = -0.5 * (residual**2).sum(axis=1) - np.log(np.diagonal(chol, axis1=1, axis2=2)).sum(axis=1)
        half = np.linalg.solve(chol, covariance[:, e, :])  # (n, exact, all)
        moved = mean + np.einsum("nek,ne->nk", half, residual)
        return density, moved, covariance - np.einsum("nek,nel->nkl", half, half)

    def log_density(self, vector: Floats) -> Floats:
        """Return the log posterior density of vectors of inputs and log sizes, shape (n,)."""
        from scipy.special import log_ndtr

        d = self.emulator.design.shape[1]
        most = np.where(np.arange(vector.shape[1]) < d, _WIDEST, _LARGEST)
        far = (np.abs(vector) / most).max(axis=1) > 1
        vector = np.where(far[:, None], 0.0, vector)
        points, sizes = vector[:, :d], self.sizes_of(vector[:, d:])
        prior = np.where(far, -np.inf, -0.5 * (vector**2).sum(axis=1))
        density, mean, covariance = self.conditional(self.emulator.mean(points), self.covariance(sizes))
        for k in self.censored:
            spread = np.sqrt(np.maximum(covariance[:, k, k], 1e-18))
            density = density + log_ndtr(self.sign[k] * (mean[:, k] - self.bound[k]) / spread)
        return prior + density

    def sizes_of(self, scores: Floats) -> Floats:
        """Return the sizes of the discrepancy from standard normal scores."""
        if not self.discrepancy:
            return np.zeros((len(scores), len(self.scales.kinds)))
        sizes: Floats = _TYPICAL * np.exp(_SPREAD * scores)
        return sizes


def sample(likelihood: Likelihood, n_draws: int, seed: int, rough: bool = False) -> Posterior:
    """Draw from the posterior with differential-evolution moves.

    Parameters
    ----------
    n_draws : int
        Number of draws to return.
    rough : bool
        Whether a third of the steps is enough, for draws that only say where to run the model.
    """
    import emcee

    steps, burn = (_STEPS // 3, _BURN // 3) if rough else (_STEPS, _BURN)

    d = likelihood.emulator.design.shape[1]
    n = d + (len(likelihood.scales.kinds) if likelihood.discrepancy else 0)
    walkers = 2 * max(16, n + 2)
    random = np.random.default_rng(seed)
    start = np.clip(random.standard_normal((200, n)), -2, 2)
    best = np.argsort(-likelihood.log_density(start))[:walkers]
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.1), (emcee.moves.StretchMove(), 0.1)]
    sampler = emcee.EnsembleSampler(walkers, n, likelihood.log_density, moves=moves, vectorize=True)
    state = np.random.RandomState(seed % 2**32).get_state()
    sampler.run_mcmc(emcee.State(start[best], random_state=state), steps, skip_initial_state_check=True)
    chain = sampler.get_chain(discard=burn, thin=_THIN)
    flat = chain.reshape(-1, n)
    chosen = flat[random.choice(len(flat), n_draws, replace=len(flat) < n_draws)]
    times = emcee.autocorr.integrated_time(sampler.get_chain(discard=burn), tol=0, quiet=True)[:d]
    effective = (steps - burn) * walkers / max(1.0, float(np.nanmax(times)))
    points, sizes = chosen[:, :d], likelihood.sizes_of(chosen[:, d:])
    _, mean, covariance = likelihood.conditional(likelihood.emulator.mean(points), likelihood.covariance(sizes))
    jitter = 1e-12 * np.eye(mean.shape[1]) * np.trace(covariance, axis1=1, axis2=2)[:, None, None]
    noise = np.einsum("nij,nj->ni", _roots(covariance + jitter), random.standard_normal(mean.shape))
    return Posterior(points, sizes, likelihood.scales.plain(mean + noise), effective)


def _roots(covariance: Floats) -> Floats:
    """Return symmetric roots of covariances, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return root


def distance(values: Floats, runs: Floats) -> Floats:
    """Return by how many standard deviations of the runs each value lies outside the range of all runs."""
    spread = np.maximum(runs.std(axis=0), 1e-12)
    outside = np.maximum(runs.min(axis=0) - values, values - runs.max(axis=0))
    result: Floats = np.where(np.isfinite(values), np.maximum(outside, 0.0) / spread, 0.0)
    return result


def score(probability: float) -> float:
    """Return the standard normal score of a probability."""
    from scipy.special import ndtri

    return float(ndtri(min(max(probability, 1e-12), 1 - 1e-12)))


def probability(score_: float) -> float:
    """Return the probability below a standard normal score.

    Examples
    --------
    >>> probability(0.0)
    0.5
    """
    return 0.5 * math.erfc(-score_ / math.sqrt(2))
