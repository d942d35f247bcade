"""Entry point of the image: ``python3 FOLDER`` runs this file and finds the modules beside it."""

from images.agent.agent import main

main()
