namespace LoraAspire.Fuzz;

/// <summary>A reader of what others wrote.</summary>
/// <param name="Name">One word, as the command line takes it.</param>
/// <param name="Corpus">Whole inputs, made by this program. Each must be taken by <paramref name="Read"/>, or the mutations of it would
/// only be refused at the door.</param>
/// <param name="Read">Reads an input to its end, as the program does that takes it.</param>
/// <param name="Declared">The exceptions that <paramref name="Read"/> says it throws. Any other one is a crash.</param>
public sealed record Target(string Name, Func<IReadOnlyList<byte[]>> Corpus, Action<byte[]> Read, params IReadOnlyList<Type> Declared)
{
    /// <summary>Pieces of the format, which chance alone would seldom write.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];
}

/// <summary>What became of a target's inputs.</summary>
/// <param name="Taken">Read to their end.</param>
/// <param name="Refused">By a declared exception.</param>
/// <param name="Faults">Of crashes and hangs the first few: the input's number, and what happened.</param>
public sealed record TargetResult(string Name, int Inputs, int Taken, int Refused, int Crashes, int Hangs, double PeakMb, double Seconds,
    IReadOnlyList<string> Faults);
