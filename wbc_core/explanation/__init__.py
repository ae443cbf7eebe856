"""Why a model answered: class activation maps, nearest reference cells, morphology in words. Never imports Keras."""
