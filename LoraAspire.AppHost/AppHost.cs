using System.Globalization;
using LoraAspire.AppHost.Terminal;
using LoraAspire.Terminal;

// Which processes run and how they are tied; nothing else. Aspire's API only: this file compiles against either engine.
CleanConsole.Guard();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (AppHostOptions.Parse(args, out var exitCode) is not { } options)
{
    return exitCode;
}

var builder = DistributedApplication.CreateBuilder(options.EngineArguments);

var redis = builder.AddRedis("redis").WithPersistence();

var coordinator = Worker(builder.AddProject<Projects.LoraAspire_Coordinator>("coordinator"));

Worker(builder.AddProject<Projects.LoraAspire_Trainer>("trainer"));
Worker(builder.AddProject<Projects.LoraAspire_Merger>("merger"));
Worker(builder.AddProject<Projects.LoraAspire_Evaluator>("evaluator"));

var chat = Worker(builder.AddProject<Projects.LoraAspire_Chat>("chat"), options.ChatPort);

// Data may be written by a model that the chat service serves.
Worker(builder.AddProject<Projects.LoraAspire_DataBuild>("data-build")).WithReference(chat);

var dashboard = Worker(builder.AddProject<Projects.LoraAspire_Dashboard>("dashboard"), options.DashboardPort)
    .WithReference(chat)
    .WithEnvironment("RESOURCE_SERVICE_URL", () => builder.Configuration["RESOURCE_SERVICE_URL"] ?? "")
    .WithEnvironment("RESOURCE_SERVICE_KEY", () => builder.Configuration["RESOURCE_SERVICE_KEY"] ?? "");

await using var app = builder.Build();
return await AppHostTerminal.RunAsync(app, options, redis.Resource, dashboard.GetEndpoint("http"), chat.GetEndpoint("http"));

IResourceBuilder<ProjectResource> Worker(IResourceBuilder<ProjectResource> service, int? port = null) => service
    .WithReference(redis)
    .WaitFor(redis)
    .WithHttpEndpoint(port, name: "http")
    .WithHttpHealthCheck("/health")
    .WithEnvironment("LORA_STORE", options.Folders.Store)
    .WithEnvironment("LORA_DATA", options.Folders.Data)
    .WithEnvironment("LORA_MODELS", options.Folders.Models);
