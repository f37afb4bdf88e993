# A stand-in for the image of Redis where no registry can be reached: Debian's own package on the base image.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends redis-server \
 && install -d -o 999 -g 999 /data
VOLUME /data
