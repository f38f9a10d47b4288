"""A WSGI application in one file, which this runtime serves itself; the official client needs apig-wsgi around it."""

from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="example", MIDDLEWARE=[], DEBUG=False)


def item(request: HttpRequest, number: int) -> JsonResponse:
    """Answer an item."""
    return JsonResponse({"id": number, "page": request.GET["page"]})


urlpatterns = [path("items/<int:number>", item)]
application = get_wsgi_application()


def __getattr__(name: str) -> Any:
    # Imported for the official client only.
    if name != "wrapped":
        raise AttributeError(name)
    from apig_wsgi import make_lambda_handler

    return make_lambda_handler(application)
