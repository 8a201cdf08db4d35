"""A cluster changes nothing of the process that starts it."""

import os

BEFORE = dict(os.environ)


def test_what_is_started_after_a_cluster_has_the_threads_that_it_had_before(cluster):
    """Dask sets the threads of OpenMP, MKL and OpenBLAS to one in the process that starts its workers, where it is let."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    assert {name: os.environ.get(name) for name in threads} == {name: BEFORE.get(name) for name in threads}
