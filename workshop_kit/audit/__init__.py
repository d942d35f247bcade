"""Audit an image or a container of anybody's: are the 15 factors and the 7 principles true of it, seen from outside?"""
