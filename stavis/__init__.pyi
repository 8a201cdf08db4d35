# ruff: noqa: I001 (the names are grouped as help(stavis) lists them)

# Look: a network reads a video
from .jobs.load import load as load
from .jobs.load import Predictor as Predictor
from .inference.reading import Reading as Reading
from .jobs.explain import Explanation as Explanation
from .jobs.compare.networks import compare as compare
from .show.scrubber import Scrubber as Scrubber
from .types import AttentionMaps as AttentionMaps
from .types import Attribution as Attribution
from .attention.hooks import record_attention as record_attention
from .attention.hooks import inject_attention as inject_attention

# Train
from .jobs.train import train as train
from .training.config import TrainingConfig as TrainingConfig
from .bench.bench import bench as bench
from .models.checkpoint import save_checkpoint as save_checkpoint
from .models.shipped import pretrained_names as pretrained_names

# Judge
from .jobs.transfer import transfer as transfer
from .jobs.verify import verify as verify
from .jobs.known_answers import known_answers as known_answers

# Data
from .types import Recording as Recording
from .types import Clip as Clip
from .types import Prediction as Prediction
from .types import Target as Target
from .types import FaceTrack as FaceTrack
from .data.crops.crops import CropConfig as CropConfig
from .data.datasets.registry import read_dataset as read_dataset
from .data.datasets.listing import datasets as datasets
from .jobs.labels import labels as labels
from .jobs.synth import synth as synth
from .synthetic.config import SyntheticConfig as SyntheticConfig
from .synthetic.embedded import embedded_data as embedded_data
from .jobs.track import track as track
from .models.published import systems as systems
from .synthetic.heads.source.fetch_models import fetch_models as fetch_models
from .storage.contents import cache_list as cache_list
from .storage.contents import cache_clear as cache_clear

# Batch
from .batch.study import plan_study as plan_study
from .batch.study import run_study as run_study

# Begin here, and what goes wrong
from .jobs.demo import demo as demo
from .errors import StavisError as StavisError
from .errors import StavisWarning as StavisWarning
