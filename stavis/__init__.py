"""stavis: see, and judge, the attention of a video network on faces.

Look
    load, Predictor, Reading, Explanation, compare, Scrubber, AttentionMaps, Attribution, record_attention,
    inject_attention
Train
    train, TrainingConfig, bench, save_checkpoint, pretrained_names
Judge
    transfer, verify, known_answers
Data
    Recording, Clip, Prediction, Target, FaceTrack, CropConfig, read_dataset, datasets, labels, synth, SyntheticConfig,
    embedded_data, track, systems, fetch_models, cache_list, cache_clear
Batch
    plan_study, run_study
Begin here
    demo, StavisError, StavisWarning

    net = stavis.load("sta-synthetic")
    net.explain("my_video.mp4").save("out")

Each name is loaded when it is first used, so that `import stavis` takes no time. What the shell's commands call is in stavis.jobs.
"""

from stavis.lazy_names import attach_stub
from stavis.threads import wait_without_spinning

wait_without_spinning()  # before torch is loaded: later it has no effect

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
