using LoraAspire.Fuzz;
using LoraAspire.Fuzz.Targets;

namespace LoraAspire.Tests.Fuzz;

/// <summary>The short form of `./build.sh fuzz`: the same readers, seeds and rules.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class FuzzTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public static TheoryData<string> Readers
    {
        get
        {
            using Scratch scratch = new();
            return [.. AllTargets.In(scratch).Select(target => target.Name)];
        }
    }

    public void Dispose() => _scratch.Dispose();

    [Theory, MemberData(nameof(Readers))]
    public void A_hundred_and_fifty_damaged_and_forged_inputs_bring_no_reader_down(string reader)
    {
        var result = Trial.Run(AllTargets.In(_scratch).Single(target => target.Name == reader), 150, seed: 1, _scratch.Folder("kept"));

        Assert.True(result is { Crashes: 0, Hangs: 0 }, string.Join('\n', result.Faults));
        Assert.Equal(150, result.Taken + result.Refused);
    }

    [Fact]
    public void An_exception_that_a_reader_does_not_declare_is_a_crash_and_an_endless_loop_a_hang()
    {
        Target broken = new("broken", () => [[1, 2, 3, 4]], bytes =>
        {
            if (bytes is not [1, 2, 3, 4])
            {
                if (bytes.Length % 2 == 0)
                {
                    throw new InvalidDataException();
                }
                throw new FormatException();
            }
        }, typeof(FormatException));
        var result = Trial.Run(broken, 60, seed: 1, _scratch.Folder("kept"));
        Assert.InRange(result.Crashes, 10, 50);
        Assert.Equal(60, result.Crashes + result.Taken + result.Refused);
        Assert.Contains("InvalidDataException", result.Faults[0]);

        var first = true;
        Target endless = new("endless", () => [[1]], _ =>
        {
            while (!Volatile.Read(ref first))
            {
            }
            Volatile.Write(ref first, false);
        });
        Assert.Equal(1, Trial.Run(endless, 1, seed: 1, _scratch.Folder("kept")).Hangs);
        Volatile.Write(ref first, true); // lets the thread that was left behind go
    }
}
