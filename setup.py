"""Puts the notebooks and the specs of reports, which lie beside the package in the checkout, into the installed package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["stavis", "stavis.*"]), "stavis.notebooks", "stavis.reports"],
    package_dir={"stavis.notebooks": "notebooks", "stavis.reports": "reports"},
    package_data={"stavis.notebooks": ["*.ipynb"], "stavis.reports": ["*.yaml"]},
    exclude_package_data={"stavis.reports": ["results/*"]},  # the sdist has the results of the benchmark, no user's installation needs them
)
