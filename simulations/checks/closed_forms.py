"""Closed forms of queueing theory, for comparison with simulated queues.

Rates and times use one unit of time, which the caller chooses. Waiting times exclude service.

References
----------
Kleinrock, L. (1975). Queueing Systems, Volume 1: Theory. Wiley.
Kleinrock, L. (1976). Queueing Systems, Volume 2: Computer Applications. Wiley.
Garnett, O., Mandelbaum, A. and Reiman, M. (2002). Designing a call center with impatient customers.
Manufacturing & Service Operations Management 4(3), 208-227.
"""

from __future__ import annotations

import math


def erlang_b(servers: int, load: float) -> float:
    """Return the probability that all servers are busy in M/G/c/c (Erlang B).

    Parameters
    ----------
    servers : int
    load : float
        Offered load: arrival rate times mean service time.

    Examples
    --------
    >>> erlang_b(2, 2.0)
    0.4
    """
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Return the probability of waiting in M/M/c (Erlang C). The load must be below the number of servers."""
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait_mmc(servers: int, arrival_rate: float, service_rate: float) -> float:
    """Return the mean waiting time of M/M/c (Kleinrock 1975, section 3.5).

    Examples
    --------
    >>> round(mean_wait_mmc(3, 0.2, 0.1), 4), round(mean_wait_mmc(4, 0.2, 0.1), 5)
    (4.4444, 0.86957)
    """
    return erlang_c(servers, arrival_rate / service_rate) / (servers * service_rate - arrival_rate)


def mean_wait_mg1(arrival_rate: float, mean_service: float, cv: float) -> float:
    """Return the mean waiting time of M/G/1 (Pollaczek and Khinchine; Kleinrock 1975, section 5.6).

    Parameters
    ----------
    arrival_rate, mean_service : float
    cv : float
        Coefficient of variation of the service time.

    Examples
    --------
    >>> [mean_wait_mg1(0.8, 1.0, cv2**0.5) for cv2 in (0, 0.25, 1)]
    [2.0..., 2.5..., 4.0...]
    """
    load = arrival_rate * mean_service
    return load * mean_service * (1 + cv**2) / (2 * (1 - load))


def mean_waits_priority(arrival_rates: list[float], service_rate: float) -> list[float]:
    """Return the mean waiting times in M/M/1 with non-preemptive priorities, highest class first (Cobham 1954).

    Examples
    --------
    >>> [round(wait, 9) for wait in mean_waits_priority([0.2, 0.6], 1.0)]
    [1.0, 5.0]
    """
    residual = sum(arrival_rates) / service_rate**2
    load, waits = 0.0, []
    for rate in arrival_rates:
        higher, load = load, load + rate / service_rate
        waits.append(residual / ((1 - higher) * (1 - load)))
    return waits


def mean_sojourns_preemptive(arrival_rates: list[float], service_rate: float) -> list[float]:
    """Return the mean sojourn times in M/M/1 with preemptive-resume priorities, highest class first (Kleinrock 1976, section 3.4).

    Examples
    --------
    >>> [round(sojourn, 9) for sojourn in mean_sojourns_preemptive([0.2, 0.6], 1.0)]
    [1.25, 6.25]
    """
    load, sojourns = 0.0, []
    for rate in arrival_rates:
        higher, load = load, load + rate / service_rate
        sojourns.append(1 / service_rate / ((1 - higher) * (1 - load)))
    return sojourns


def limited(servers: int, most: int, arrival_rate: float, service_rate: float) -> tuple[float, float]:
    """Return the mean number present in M/M/c/K, and the share of arrivals that find K present and are lost.

    Examples
    --------
    >>> [round(x, 5) for x in limited(2, 3, 3.0, 4.0)]
    [0.76234, 0.04936]
    """
    weights = [1.0]
    for present in range(1, most + 1):
        weights.append(weights[-1] * arrival_rate / (min(present, servers) * service_rate))
    return sum(k * weight for k, weight in enumerate(weights)) / sum(weights), weights[-1] / sum(weights)


def abandoning(servers: int, arrival_rate: float, service_rate: float, patience_rate: float) -> float:
    """Return the share of customers that abandon in M/M/c+M (Erlang A; Garnett et al. 2002).

    Examples
    --------
    >>> round(abandoning(1, 1.0, 1.0, 1e9), 6)  # without patience: Erlang B
    0.5
    """
    weight = total = 1.0
    lost = 0.0
    for present in range(1, 100_000):
        waiting = max(0, present - servers)
        weight *= arrival_rate / (min(present, servers) * service_rate + waiting * patience_rate)
        total += weight
        lost += weight * waiting * patience_rate
        if present > servers and weight < total * 1e-16:
            break
    return lost / total / arrival_rate if math.isfinite(total) else math.nan
