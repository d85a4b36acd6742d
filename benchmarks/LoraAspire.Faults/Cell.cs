using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Faults;

/// <summary>What must be so at the end of the disturbed run.</summary>
internal enum Demand
{
    /// <summary>It succeeds with the digests of an undisturbed run.</summary>
    SameDigests,

    /// <summary>That, or it fails in words.</summary>
    OrWords,

    /// <summary>Any end: what it reads is no longer the same.</summary>
    AnyEnd,
}

/// <summary>One fault at one moment.</summary>
/// <param name="Act">Makes the fault in a run, and returns that run at its end; null when there is none to judge.</param>
/// <param name="Fresh">Every stage of the disturbed run has to run; else it finds everything done.</param>
/// <param name="Short">Belongs to the short form.</param>
internal sealed record Cell(string Name, Demand Demand, Func<Scene, Task<RunState?>> Act, bool Fresh = true, bool Short = false)
{
    /// <summary>In an app with two coordinators and two trainers.</summary>
    public bool Pairs { get; init; }
}
