namespace LoraAspire.Machine;

/// <summary>This machine lacks a program and it could not be provided; the message says why and what to do.</summary>
public sealed class MachineException(string message, Exception? inner = null) : Exception(message, inner);
