"""Which pixels a prediction came from: methods that share one signature, `method(model, clip, target, *, ...) -> Attribution`."""

import lazy_loader

NAMES = (
    "saliency",
    "input-x-gradient",
    "integrated-gradients",
    "smooth-grad",
    "guided-backprop",
    "deconvolution",
    "grad-cam",
    "guided-grad-cam",
    "occlusion",
    "exact-deeplift",
    "attention-x-gradient",
    "relevance",
)
"""The names by which methods can be asked for (`relevance` for transformers alone), known without importing torch."""

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "methods": [
            "ALL_METHODS",
            "DEFAULT_METHODS",
            "deconvolution",
            "grad_cam",
            "guided_backprop",
            "guided_grad_cam",
            "input_x_gradient",
            "integrated_gradients",
            "occlusion",
            "saliency",
            "smooth_grad",
        ],
        "attention_maps": ["attention_x_gradient", "raw_attention"],
        "deeplift": ["PathAttribution", "exact_deeplift"],
        "regions": ["RegionAttribution", "region_ablation", "region_shapley"],
        "cache": ["cached"],
    },
)
