"""The papers' experiments by name."""

from core.studies import fb17_cor25, fb17_e1, fb17_fig1, fb17_gaussians, nbm21
from core.studies.plan import Study

STUDIES: dict[str, Study] = {
    "fb17-cor25": fb17_cor25.STUDY,
    "fb17-e1": fb17_e1.STUDY,
    "fb17-fig1a": fb17_fig1.FIG_1A,
    "fb17-fig1b": fb17_fig1.FIG_1B,
    "fb17-fig1c": fb17_fig1.FIG_1C,
    "fb17-fig1d": fb17_fig1.FIG_1D,
    "fb17-fig1e": fb17_fig1.FIG_1E,
    "fb17-gaussians": fb17_gaussians.STUDY,
    "nbm21-fig3a": nbm21.FIG_3A,
    "nbm21-fig3b": nbm21.FIG_3B,
    "nbm21-fig3c": nbm21.FIG_3C,
    "nbm21-fig3d": nbm21.FIG_3D,
    "nbm21-fig4": nbm21.FIG_4,
    "nbm21-fig6": nbm21.FIG_6,
    "nbm21-fig7": nbm21.FIG_7,
    "nbm21-fig8": nbm21.FIG_8,
}
