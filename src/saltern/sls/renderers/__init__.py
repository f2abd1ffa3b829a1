"""What makes data of a file: renderers, one after another, as its first line says."""

from saltern.sls.renderers.pipeline import render, render_text
from saltern.sls.renderers.registry import RENDERERS, Renderer, Renderers

__all__ = ["RENDERERS", "Renderer", "Renderers", "render", "render_text"]
