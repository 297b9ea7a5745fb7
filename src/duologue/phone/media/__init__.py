"""Sound on the wire: what two ends agree upon (SDP), RTP and RTCP, both ways, as cores without I/O."""
