using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using LoraAspire.Model.Devices;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Ranks;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Devices;

/// <summary>Several places of a ring, each in a thread of its own.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class RingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly RingWait s_wait = new(Patience, _ => { });

    [Theory]
    [InlineData(2, 1)]
    [InlineData(2, 100_003)]
    [InlineData(3, 2)]
    [InlineData(5, 300_001)]
    public async Task Everybody_has_the_sum_to_the_bit(int count, int length)
    {
        var own = Enumerable.Range(0, count).Select(rank => new Random(rank)).Select(random =>
            Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f).ToArray()).ToArray();
        var sums = own.Select(values => (float[])values.Clone()).ToArray();

        await InRingAsync(count, ring => SumUp(ring, sums[ring.Share.Rank]));

        Assert.All(sums, sum => Assert.Equal(sums[0], sum));
        for (var i = 0; i < length; i++)
        {
            // float32's rounding of so many terms below 0.5
            Assert.Equal(own.Sum(values => (double)values[i]), sums[0][i], 1e-6);
        }
    }

    [Fact]
    public async Task Parts_are_gathered_and_words_passed_on_in_the_order_of_the_ranks()
    {
        var (gathered, told) = (new int[3][], new long[3]);
        await InRingAsync(3, ring =>
        {
            gathered[ring.Share.Rank] = ring.Gather<int>([ring.Share.Rank, 10 * ring.Share.Rank]);
            told[ring.Share.Rank] = ring.Broadcast(ring.Share.Rank == 0 ? 7L : 0);
        });

        Assert.All(gathered, all => Assert.Equal([0, 0, 1, 10, 2, 20], all));
        Assert.Equal([7, 7, 7], told);
    }

    [Fact]
    public async Task A_stranger_who_calls_first_is_sent_away()
    {
        var token = RandomNumberGenerator.GetBytes(Ring.TokenBytes);
        var seats = Enumerable.Range(0, 2).Select(_ => Ring.Listen()).ToArray();
        int[] ports = [.. seats.Select(seat => seat.Port)];
        using Socket wrong = new(SocketType.Stream, ProtocolType.Tcp), silent = new(SocketType.Stream, ProtocolType.Tcp);
        wrong.Connect(IPAddress.Loopback, ports[1]);
        wrong.Send(new byte[Ring.TokenBytes + 2]);
        silent.Connect(IPAddress.Loopback, ports[1]);

        var rings = await Task.WhenAll(Enumerable.Range(0, 2).Select(rank => Task.Run(() =>
            Ring.Join(seats[rank].Listener, ports, new(rank, 2), token, s_wait))));

        Assert.Equal(0, wrong.Receive(new byte[1]));
        Assert.All(rings, ring => ring.Dispose());
    }

    [Fact]
    public async Task A_neighbour_that_does_not_come_or_goes_is_an_error_and_no_hang()
    {
        var (listener, port) = Ring.Listen();
        Assert.Throws<IOException>(() => Ring.Join(listener, [port, port], new(0, 2), new byte[Ring.TokenBytes],
            s_wait with { Longest = TimeSpan.FromMilliseconds(200) }));

        await InRingAsync(2, ring =>
        {
            if (ring.Share.Rank == 0)
            {
                Assert.Throws<IOException>(() => SumUp(ring, new float[1 << 20]));
            }
        });
    }

    [Fact]
    public void Who_waits_says_for_whom_and_stops_when_that_one_cannot_come_any_more()
    {
        var (listener, port) = Ring.Listen();
        using CancellationTokenSource over = new();
        List<string> said = [];
        RingWait wait = new(Patience, words =>
        {
            said.Add(words);
            over.Cancel();
        }, over.Token)
        { Quiet = TimeSpan.FromMilliseconds(50) };

        var error = Assert.Throws<IOException>(() => Ring.Join(listener, [port, port], new(0, 2), new byte[Ring.TokenBytes], wait));

        Assert.Equal(["waits for the process of device 1, at most 20 s"], said);
        Assert.Equal("The process of device 1 didn't come, and another device's has ended.", error.Message);
    }

    [Fact]
    public void A_process_that_ends_while_it_joins_ends_the_waiting_for_it_and_tells_how()
    {
        var (listener, port) = Ring.Listen();
        using var _ = listener;
        var start = Stopwatch.GetTimestamp();

        var error = Assert.Throws<StageException>(() => new RankProcesses(2,
            _ => new("sh", ["-c", $"read task; echo '{RankWords.Listening}{port}'; read ports; echo gone >&2; exit 3"]), "", _ => { }));

        Assert.Equal("The process of device 1 ended with exit code 3. | gone", error.Message);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, Patience);
    }

    [Theory]
    [InlineData(3, "The process of device 2 ended with exit code 3. | gone")]
    [InlineData(0, "The process of device 2 ended before it began.")]
    public void A_process_that_ends_is_heard_while_another_has_not_yet_begun(int code, string words)
    {
        var start = Stopwatch.GetTimestamp();

        // Device 1 reads on until it is killed.
        var error = Assert.Throws<StageException>(() => new RankProcesses(3,
            rank => new("sh", ["-c", rank == 1 ? "cat" : $"read task; echo gone >&2; exit {code}"]), "", _ => { }));

        Assert.Equal(words, error.Message);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, Patience);
    }

    [Fact]
    public async Task Memory_that_runs_out_on_one_device_is_everybodys_matter_and_the_next_try_is_too()
    {
        var failed = new Exception?[3];
        var tries = new int[3];
        await InRingAsync(3, ring =>
        {
            using DeviceGroup devices = new(ring, CPU);
            var rank = ring.Share.Rank;
            failed[rank] = Record.Exception(() => devices.Together(() =>
            {
                tries[rank]++;
                if (rank == 1)
                {
                    throw new OutOfMemoryException("mine");
                }
            }));
            devices.Together(() => tries[rank]++);
        });

        Assert.Equal([2, 2, 2], tries);
        Assert.All(failed, error => Assert.IsType<OutOfMemoryException>(error));
        Assert.Equal(("Device 1 ran out of memory.", "mine"), (failed[0]!.Message, failed[1]!.Message));
    }

    [Theory]
    [InlineData(3, new[] { 9, 1, 1, 5, 4, 8 }, new[] { 10L, 9L, 9L })]
    [InlineData(4, new[] { 3 }, new[] { 3L, 0L, 0L, 0L })]
    public void What_is_dealt_out_weighs_about_the_same_everywhere(int shares, int[] weights, long[] expected)
    {
        var dealt = Share.Deal(weights, shares, weight => weight);

        Assert.Equal(expected, dealt.Select(part => part.Sum(weight => (long)weight)));
        Assert.Equal(weights.Order(), dealt.SelectMany(part => part).Order());
    }

    private static void SumUp(Ring ring, float[] values)
    {
        using var onCpu = tensor(values);
        new RingCollective(ring).Sum(onCpu);
        onCpu.data<float>().CopyTo(values);
    }

    private static async Task InRingAsync(int count, Action<Ring> work)
    {
        var token = RandomNumberGenerator.GetBytes(Ring.TokenBytes);
        var seats = Enumerable.Range(0, count).Select(_ => Ring.Listen()).ToArray();
        int[] ports = [.. seats.Select(seat => seat.Port)];
        await Task.WhenAll(Enumerable.Range(0, count).Select(rank => Task.Factory.StartNew(() =>
        {
            using var ring = Ring.Join(seats[rank].Listener, ports, new(rank, count), token, s_wait);
            work(ring);
        }, TaskCreationOptions.LongRunning))).WaitAsync(Patience);
    }
}
