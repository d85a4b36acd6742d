using System.Diagnostics;
using System.Globalization;

namespace LoraAspire.Fuzz;

/// <summary>Gives a target its inputs, one after the other, on a thread that may be left behind when it hangs.</summary>
public static class Trial
{
    /// <summary>A reader that computes longer than this over an input of a hundred kilobytes hangs.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    /// <summary>On a machine that has other things to do, computing for so long may take longer.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private const int MostFaults = 5;

    /// <param name="keep">The folder that inputs which bring the reader down are written to.</param>
    public static TargetResult Run(Target target, int inputs, int seed, string keep)
    {
        var corpus = target.Corpus();
        RequireTaken(target, corpus);
        Mutator mutator = new(corpus, target.Words, unchecked(seed + Fnv(target.Name)));
        var clock = Stopwatch.StartNew();
        var (taken, refused, crashes, hangs) = (0, 0, 0, 0);
        List<string> faults = [];
        var reader = new Reader(target);
        for (var number = 0; number < inputs; number++)
        {
            var input = mutator.Input(number);
            var (outcome, words) = reader.Read(input);
            switch (outcome)
            {
                case Outcome.Taken: taken++; break;
                case Outcome.Refused: refused++; break;
                case Outcome.Crash: crashes++; break;
                default:
                    hangs++;
                    reader = new Reader(target);
                    break;
            }
            if (words is not null && faults.Count < MostFaults)
            {
                var path = Path.Combine(Directory.CreateDirectory(keep).FullName,
                    $"{target.Name}-{number.ToString(CultureInfo.InvariantCulture)}");
                File.WriteAllBytes(path, input);
                faults.Add($"input {number.ToString(CultureInfo.InvariantCulture)} ({path}): {words}");
            }
        }
        reader.Stop();
        return new(target.Name, inputs, taken, refused, crashes, hangs, ProcessMemory.PeakMb(), clock.Elapsed.TotalSeconds, faults);
    }

    private static void RequireTaken(Target target, IReadOnlyList<byte[]> corpus)
    {
        foreach (var (at, whole) in corpus.Index())
        {
            try
            {
                target.Read(whole);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"{target.Name}: its reader doesn't take input {at} of the corpus: {error}", error);
            }
        }
    }

    /// <summary>The same in every process, which string.GetHashCode isn't.</summary>
    private static int Fnv(string name) => unchecked((int)name.Aggregate(2166136261u, (hash, letter) => (hash ^ letter) * 16777619u));

    private enum Outcome { Taken, Refused, Crash, Hang }

    private sealed class Reader
    {
        private readonly SemaphoreSlim _given = new(0), _done = new(0);
        private byte[]? _input;
        private Exception? _error;
        private readonly Target _target;
        private int _thread;

        public Reader(Target target)
        {
            _target = target;
            new Thread(ReadAll) { IsBackground = true, Name = target.Name }.Start();
            _done.Wait(); // it has told its number
        }

        public (Outcome, string? Words) Read(byte[] input)
        {
            (_input, _error) = (input, null);
            var (started, before) = (Stopwatch.GetTimestamp(), ThreadClock.Read(_thread));
            _given.Release();
            while (!_done.Wait(Longest))
            {
                if (ThreadClock.Read(_thread) - before > Longest || Stopwatch.GetElapsedTime(started) > LongestWait)
                {
                    return (Outcome.Hang, $"no end after {Longest.TotalSeconds} s of computing");
                }
            }
            return _error is null ? (Outcome.Taken, null) : _target.Declared.Contains(_error.GetType()) ? (Outcome.Refused, null)
                : (Outcome.Crash, _error.ToString());
        }

        public void Stop()
        {
            _input = null;
            _given.Release();
        }

        private void ReadAll()
        {
            _thread = ThreadClock.Current();
            _done.Release();
            while (true)
            {
                _given.Wait();
                if (_input is not { } input)
                {
                    return;
                }
                try
                {
                    _target.Read(input);
                }
                // Whatever it is, it is what is looked for.
                catch (Exception error)
                {
                    _error = error;
                }
                _done.Release();
            }
        }
    }
}
